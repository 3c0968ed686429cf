/**
 * Whether the inspector may be used in this process. Under the permission model, it requires
 * `--allow-inspector`. Connecting to the main thread without it aborts the process.
 */
export function mayInspect(): boolean {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } }
  return permission === undefined || permission.has('inspector')
}
