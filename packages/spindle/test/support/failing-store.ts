import type { ObjectStore, ObjectWriter } from 'spindle/source'

/** The writers of processes that have ended, for their files to be closed in the end. */
export const abandoned: ObjectWriter[] = []

/** A store whose calls all fail after some of them, as if the process had ended there. */
export function failing(store: ObjectStore, calls: number, isAfter: boolean): ObjectStore {
  let left = calls
  const guarded =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (left-- <= 0) throw new Error('crash')
      const result = await call(...args)
      if (left === 0 && isAfter) {
        left--
        throw new Error('crash')
      }
      return result
    }
  return {
    url: store.url,
    place: (name) => store.place(name),
    head: guarded(store.head.bind(store)),
    read: guarded(store.read.bind(store)),
    create: guarded(store.create.bind(store)),
    createIfAbsent: guarded(store.createIfAbsent.bind(store)),
    delete: guarded(store.delete.bind(store)),
    discardUnfinished: guarded(store.discardUnfinished.bind(store)),
    stream: (...args) => store.stream(...args),
    list: (...args) => store.list(...args),
    writer: (...args) => {
      const writer = store.writer(...args)
      return {
        write: guarded(writer.write.bind(writer)),
        close: guarded(writer.close.bind(writer)),
        // A process that ends cleans nothing up, and closes its files.
        abort: async () => {
          abandoned.push(writer)
        },
      }
    },
  }
}
