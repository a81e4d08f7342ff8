// Where the controls of the page are: what a reader presses until one is in sight.

/** What a button is while pressing it shows more: pressed again, it would hide that. */
const FOLDED = 'details:not([open]) > summary';
const UNCHOSEN = '[role="tab"][aria-selected="false"]';
const WITH_TEXT = '[aria-expanded="false"]';
const WITH_BOX = '[aria-expanded="true"]';
const ALWAYS = 'button';

/**
 * Names of controls, the button that a reader presses to see them, and what that is while they are out of sight. The
 * button may have to be reached itself; what is not named here is in sight as the page opens.
 */
const BEHIND = [
  [/^(open-result|open-model|theme|help|cite)$/, 'menu', FOLDED],
  [/^cite-(paper|copy)$/, 'cite', ALWAYS],
  [/^(share-(link|code|result)(-copy)?|share-address|share-purpose|share-file|share-notice|share-long)$/, 'share', ALWAYS],
  [/^(text-input|analyze|inf-k|live|words-toggle|status|device|device-note|device-choice|length|keep-beginning)$/, 'own-text', WITH_TEXT],
  [/^(token-\d+|token-strip|strip-readout|text-settings)$/, 'own-text', WITH_BOX],
  [/^(quantity|strip-(png|svg|copy|csv))$/, 'text-settings', FOLDED],

  [/^(heatmap|heatmap-(title|readout|missing)|scenes-settings)$/, 'tab-scenes', UNCHOSEN],
  [/^(source|mode|scale|events|dendrogram|zoom-(in|out|reset)|full-screen)$/, 'scenes-settings', FOLDED],
  [/^(heatmap-(png|svg|copy|csv)|events-csv|dendrogram-(svg|json)|similarity-table)$/, 'scenes-settings', FOLDED],

  [/^(trajectory|trajectory-(readout|status)|tortuosity|path-settings)$/, 'tab-path', UNCHOSEN],
  [/^trajectory-(source|method|dimensions|positions|color|metric|png|svg|copy|csv)$/, 'path-settings', FOLDED],
  [/^(n-neighbors|min-dist|seed|umap-cancel|camera-reset|auto-rotate)$/, 'path-settings', FOLDED],

  [/^(feature-map|feature-map-readout|feature-list|feature-list-csv|features-settings)$/, 'tab-features', UNCHOSEN],
  [/^(feature-(search|found|labels)|neuronpedia-(feature|matrix|close|frame))$/, 'tab-features', UNCHOSEN],
  [/^features-(png|svg|copy|csv)$/, 'features-settings', FOLDED],

  [/^(attention|attention-(compute|missing|text|origins|readout|table)|sources-settings)$/, 'tab-sources', UNCHOSEN],
  [/^attention-(layer|head|png|svg|copy|csv)$/, 'sources-settings', FOLDED],

  [/^compare-(cosines|inf-k|png|svg|copy|csv|json|table-\d)$/, 'compare-settings', FOLDED],
  [/^(compare|compare-.+)$/, 'tab-compare', UNCHOSEN],
  [/^(stats|stat-.+|sentences|shuffle|copy-numbers|l0-table|provenance|words|event-words)$/, 'tab-numbers', UNCHOSEN],
  [/^(export|export-.+|print-(ground|width)|download-json|methods|methods-copy)$/, 'tab-export', UNCHOSEN],

  [/^(model-files|model-close|stored|library|library-notice|storage|storage-note|pack|pack-.+)$/, 'open-model', ALWAYS],
  [/^(store-embedding|delete-stored|rows-while-typing|diagnostics|diagnostics-.+)$/, 'open-model', ALWAYS],
];

/** What lies over the page until its button "Close" is pressed: dialogs, which keep all else from the pointer, */
const DIALOGS = ['share-sheet', 'help-sheet', 'cite-sheet'];
/** and the model's files, which lie over the figure. */
const OVER_FIGURE = ['model-files'];

/** Whether a control is in a figure. */
function isInFigure(testid) {
  const behind = BEHIND.find(([names]) => names.test(testid))?.[1];
  return behind !== undefined && (behind.startsWith('tab-') || isInFigure(behind));
}

/**
 * Does what a reader does to see a control of the page, or of a frame's, and answers its locator. Nothing is pressed for
 * what is in sight.
 */
export async function reach(page, testid) {
  for (const cover of isInFigure(testid) ? [...DIALOGS, ...OVER_FIGURE] : DIALOGS) await uncover(page, cover, testid);
  const control = page.getByTestId(testid);
  if (await control.first().isVisible()) return control;
  const [, behind, hiding] = BEHIND.find(([names]) => names.test(testid)) ?? [];
  if (behind !== undefined) {
    const button = await reach(page, behind);
    if (await button.evaluate((it, selector) => it.matches(selector), hiding)) await button.click();
  }
  await control.first().waitFor();
  return control;
}

/** Closes what lies over a control. */
async function uncover(page, cover, testid) {
  const lying = page.getByTestId(cover);
  if (!(await lying.isVisible()) || (await lying.getByTestId(testid).count()) > 0) return;
  await lying.getByRole('button', { name: 'Close', exact: true }).click();
}

/** Closes the panel of settings that is open, which lies over what is beside its button. */
export async function putAway(page) {
  for (const panel of await page.locator('details.gear[open] > summary').all()) await panel.click();
}
