import { currentCall, limitCalls, type OpCall, trackCall } from 'spindle'

// What the function returns is what the tracked call returns; a limited call is always a promise.
const bytes: Promise<Uint8Array> = trackCall(async (begins) => {
  begins()
  return new Uint8Array(1)
})
const call: OpCall = currentCall()
const name: string = call.track((_begins, isWanted) => String(isWanted))
const limited: Promise<number> = limitCalls(4)(() => 1)
const later: Promise<number> = limitCalls(4)(async () => 1, call)
// @ts-expect-error a function is needed
trackCall('decode')
// @ts-expect-error it returns a promise
const now: number = limitCalls(4)(() => 1)

export { bytes, later, limited, name, now }
