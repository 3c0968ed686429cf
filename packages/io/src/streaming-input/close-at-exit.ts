const open = new Set<() => void>()

/**
 * Closes an input when the process begins to end, before anything waits for its threads: closing is
 * the only way to end FFmpeg's wait for bytes. Returns a function that removes the hook.
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
