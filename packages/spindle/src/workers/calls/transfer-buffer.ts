import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'

type Transferable = ArrayBuffer & { transfer?(): ArrayBuffer }

let channel: MessageChannel | undefined

/** Moves the memory of a buffer to a new buffer and leaves the given one empty. */
export function transferBuffer(buffer: ArrayBuffer): ArrayBuffer {
  const { transfer } = buffer as Transferable
  if (transfer !== undefined) return transfer.call(buffer)
  // Node 20 lacks `transfer`, and its structuredClone() makes a channel for every call, which costs
  // more than everything else here.
  if (channel === undefined) {
    channel = new MessageChannel()
    channel.port1.unref()
    channel.port2.unref()
  }
  channel.port1.postMessage(buffer, [buffer])
  return (receiveMessageOnPort(channel.port2) as { message: ArrayBuffer }).message
}
