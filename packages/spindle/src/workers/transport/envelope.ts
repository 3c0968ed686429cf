// Workers talk with their pool or region over channels that their modules can use, too:
// `parentPort`, `process.send`. So messages of the engine are marked, each way by a mark of its own
// (a module may send back whatever it gets), and what is not marked is left alone.

export const TO_WORKER = 'spindle to worker'
export const FROM_WORKER = 'spindle from worker'

type Mark = typeof TO_WORKER | typeof FROM_WORKER

/** A message with its mark. */
export function sealed(mark: Mark, message: unknown): readonly [Mark, unknown] {
  return [mark, message]
}

/** What a message with that mark says; `undefined` if it is somebody else's. */
export function opened(mark: Mark, message: unknown): unknown {
  return Array.isArray(message) && message.length === 2 && message[0] === mark
    ? message[1]
    : undefined
}
