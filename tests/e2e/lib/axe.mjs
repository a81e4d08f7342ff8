// What axe finds wrong with a page.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { nodeFolder } from './environment.mjs';

const { AxeBuilder } = createRequire(join(nodeFolder, 'index.js'))('@axe-core/playwright');

/**
 * Violations of all of axe's rules in a page, or in what `include` selects of it: each { id, impact, nodes }. A third of the
 * time that axe's own defaults take, with the same violations: what passes is not described, and frames of other origins,
 * which none of the pages has, are not looked into.
 */
export async function violations(page, include) {
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  return (await (include ? axe.include(include) : axe).analyze()).violations;
}

/** The same, of those that are serious or critical. */
export async function seriousViolations(page, include) {
  return (await violations(page, include)).filter(({ impact }) => ['serious', 'critical'].includes(impact));
}
