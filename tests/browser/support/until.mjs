/*
 * until.mjs - waits for what is awaited, not for a time: the limit only ends tests that have failed.
 */
const LIMIT_MS = 20_000;
const PAUSE_MS = 25;

/** Asks @condition again and again until it is true; otherwise fails with what was awaited. */
export async function until(what, condition) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
