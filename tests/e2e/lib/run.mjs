// node run.mjs AT_ONCE [--name=PATTERN] FILE...: node's test runner over the files in this order. `node --test` sorts them by name, and a long
// one that begins last keeps the others' core waiting.

import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [atOnce, ...rest] = process.argv.slice(2);
const NAME = '--name=';
const testNamePatterns = rest.filter((it) => it.startsWith(NAME)).map((it) => it.slice(NAME.length));
const files = rest.filter((it) => !it.startsWith(NAME));

const events = run({ files, concurrency: Number(atOnce), ...(testNamePatterns.length > 0 && { testNamePatterns }) });
events.on('test:fail', ({ todo }) => { if (todo === undefined || todo === false) process.exitCode = 1; });
events.compose(spec).pipe(process.stdout);
