/*
 * report.mjs - one line per check, a sum at the end.
 */
let passed = 0;
let failed = 0;

export async function check(name, body) {
  try {
    await body();
    passed++;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(
      `FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`,
    );
  }
}

/** Prints the sum and returns the exit code. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
