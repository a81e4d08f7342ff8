// Our pack in a page of its own, timed by its worker.

import { ask, diagnostics } from '../../e2e/lib/worker.mjs';
import { openWorker } from './pages.mjs';
import * as environment from './environment.mjs';

/** Longer than a long text takes on a loaded processor. */
export const LIMIT_MS = 600_000;
/** Begins like none of the texts. */
const OTHER_TEXT = '7';

/** Opens the pack at `pack`, a path below the site: { page, packUrl, analyze, afresh, facts, close }. */
export async function openOurs(browser, pack, how) {
  const page = await openWorker(browser, how);
  const packUrl = new URL(pack, environment.site).href;
  const analyze = (text, options = {}) => ask(page, { kind: 'analyze', pack_url: packUrl, inf_k: null, text, ...options }, LIMIT_MS);
  return {
    page,
    packUrl,
    analyze,
    /** Nothing of the text is taken over from the last one: another one takes its place, all but BOS. */
    afresh: async (text, options) => {
      await analyze(OTHER_TEXT, options);
      const answer = await analyze(text, options);
      if (answer.reused_tokens > 1) throw new Error(`${answer.reused_tokens} tokens were not computed again`);
      return answer;
    },
    facts: () => diagnostics(page),
    close: () => page.close(),
  };
}

/** Number of tokens of an answer. */
export const tokensOf = (answer) => answer.analysis.token_ids.length;
