/**
 * Whether this process may be looked into by the inspector. Under the permission model it may only
 * with `--allow-inspector`; to connect to the main thread all the same aborts the process.
 */
export function mayInspect(): boolean {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } }
  return permission === undefined || permission.has('inspector')
}
