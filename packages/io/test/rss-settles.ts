/**
 * Source of `settles(round, limitMb)`, for programs under test that run with `--expose-gc`: repeats
 * `round()` until one of at most 8 makes the process grow by less than `limitMb` MiB, and gives the
 * growth of each. What is lost with each call makes every round grow; a heap that settles slowly,
 * and the threads' own garbage, only some.
 */
export const SETTLES = `
  const settles = async (round, limitMb) => {
    const rss = async () => {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 10))
      globalThis.gc()
      return process.memoryUsage().rss / 2 ** 20
    }
    await round()
    const growth = []
    for (let before = await rss(); growth.length < 8 && !(growth.at(-1) < limitMb); ) {
      await round()
      const after = await rss()
      growth.push(Math.round(after - before))
      before = after
    }
    return growth
  };`
