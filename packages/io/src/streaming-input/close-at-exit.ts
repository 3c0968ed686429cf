const open = new Set<() => void>()

/**
 * Has an input closed as the process begins to end, before anything waits for its threads: one that
 * waits for bytes comes out of FFmpeg only by that. Returns what takes it back.
 */
export function closeAtExit(close: () => void): () => void {
  if (open.size === 0) process.prependListener('exit', closeAll)
  open.add(close)
  return () => {
    if (open.delete(close) && open.size === 0) process.off('exit', closeAll)
  }
}

function closeAll(): void {
  for (const close of open) close()
}
