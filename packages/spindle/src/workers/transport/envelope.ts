// Workers use channels that their modules can use too: `parentPort`, `process.send`. So Spindle
// marks its own messages, with a different mark for each direction (a module may send back whatever
// it gets), and ignores all others.

export const TO_WORKER = 'spindle to worker'
export const FROM_WORKER = 'spindle from worker'

type Mark = typeof TO_WORKER | typeof FROM_WORKER

/** A message with its mark. */
export function sealed(mark: Mark, message: unknown): readonly [Mark, unknown] {
  return [mark, message]
}

/** The content of a message with this mark; `undefined` for other messages. */
export function opened(mark: Mark, message: unknown): unknown {
  return Array.isArray(message) && message.length === 2 && message[0] === mark
    ? message[1]
    : undefined
}
