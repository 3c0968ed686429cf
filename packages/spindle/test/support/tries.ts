/**
 * How many cases a slow law is tried with. `npm test` draws other cases each time;
 * `npm test -- --long` tries ten times as many in one run, and `SPINDLE_TEST_TIMES=1000` fills a
 * night.
 */
export const times: number = Number(process.env.SPINDLE_TEST_TIMES ?? 1)

export function tries(usual: number): number {
  return Math.ceil(usual * times)
}
