import { Session } from 'node:inspector'

/** Tells which source files of this repository had code running between `reset()` and `take()`. */
export async function filesOf() {
  const session = new Session()
  session.connect()
  const post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result))),
    )
  await post('Profiler.enable')
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  const take = async () => {
    const { result } = await post('Profiler.takePreciseCoverage')
    return result
      .filter(({ url, functions }) => url.includes('/src/') && functions.some(wasCalled))
      .map(({ url }) => url.replace(/^.*\/packages\//, '').replace(/\?.*$/, ''))
      .sort()
  }
  return { reset: take, take, end: () => session.disconnect() }
}

function wasCalled({ ranges }) {
  return ranges[0].count > 0
}
