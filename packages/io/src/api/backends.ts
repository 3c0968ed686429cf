import { licenceOf, MediaError, missingBackend } from '../base/errors.ts'
import type { BackendName } from '../image/image-options.ts'
import { type SharpBackend, sharpBackend } from '../image/sharp/sharp.ts'
import { imageOps } from './ops.ts'
import { runInPool } from './pool.ts'

/** A loaded library that decodes: FFmpeg in the pool's threads, or sharp with its own threads. */
export type ImageBackend = { readonly name: 'ffmpeg' } | SharpBackend

/** Loads the library of each backend. The libraries are optional and loaded on first use. */
export interface BackendLoaders {
  readonly ffmpeg: () => Promise<ImageBackend>
  readonly sharp: () => Promise<ImageBackend>
}

const installed: BackendLoaders = {
  async ffmpeg() {
    const fault = await runInPool(imageOps.prepare, undefined)
    if (fault !== undefined) throw new MediaError(fault.code, fault.problem)
    return { name: 'ffmpeg' }
  },
  async sharp() {
    return sharpBackend((await import('sharp')).default)
  },
}
/** Finds backends and caches them, so that a library is searched for once. */
export class Backends {
  readonly #loaders: BackendLoaders
  readonly #found = new Map<BackendName | 'default', Promise<ImageBackend>>()

  constructor(loaders: BackendLoaders = installed) {
    this.#loaders = loaders
  }

  /**
   * The backend with that name. Without a name: `'ffmpeg'`, or `'sharp'` if `node-av` is not
   * installed.
   *
   * @throws MediaError `ERR_BACKEND_MISSING`. The message says what to install, or why the
   *   installed library does not load
   */
  get(name: BackendName | undefined): Promise<ImageBackend> {
    const key = name ?? 'default'
    let backend = this.#found.get(key)
    if (backend === undefined) {
      backend = name === undefined ? this.#loadDefault() : this.#load(name)
      this.#found.set(key, backend)
      backend.catch(() => this.#found.delete(key)) // it may be installed later
    }
    return backend
  }

  async #loadDefault(): Promise<ImageBackend> {
    try {
      return await this.get('ffmpeg')
    } catch (error) {
      if (!isNotInstalled(error)) throw error
    }
    try {
      return await this.get('sharp')
    } catch (error) {
      if (!isNotInstalled(error)) throw error
      throw new MediaError(
        'ERR_BACKEND_MISSING',
        `no library to decode images is installed (node-av: ${licenceOf('node-av')}; sharp: ${licenceOf('sharp')}): run \`npm install node-av\` (fastest) or \`npm install sharp\``,
        { cause: error },
      )
    }
  }

  async #load(name: BackendName): Promise<ImageBackend> {
    try {
      return await this.#loaders[name]()
    } catch (error) {
      // That no thread can be started is not the library's fault.
      if (error instanceof MediaError || isInfrastructure(error)) throw error
      throw missingBackend(name, name === 'ffmpeg' ? 'node-av' : 'sharp', error)
    }
  }
}

/** The backends of this thread. */
export const backends: Backends = new Backends()

function isInfrastructure(error: unknown): boolean {
  return (error as { readonly isInfrastructure?: unknown } | null)?.isInfrastructure === true
}

function isNotInstalled(error: unknown): boolean {
  return error instanceof MediaError && error.message.includes('is not installed')
}
