import { MediaError } from '../errors.ts'
import type { ImageBackend } from './backend.ts'
import { ffmpegBackend } from './ffmpeg/backend.ts'
import type { BackendName } from './options.ts'
import { sharpBackend } from './sharp.ts'

/** How each backend gets its library; the libraries are optional and imported when first used. */
export interface BackendLoaders {
  readonly ffmpeg: () => Promise<ImageBackend>
  readonly sharp: () => Promise<ImageBackend>
}

const PACKAGES = { ffmpeg: 'node-av', sharp: 'sharp' } as const

const installed: BackendLoaders = {
  async ffmpeg() {
    const [av, constants] = await Promise.all([import('node-av/lib'), import('node-av/constants')])
    return ffmpegBackend({ av, constants })
  },
  async sharp() {
    return sharpBackend((await import('sharp')).default)
  },
}

/** Finds backends and remembers them, so that a library is looked for once. */
export class Backends {
  readonly #loaders: BackendLoaders
  readonly #found = new Map<BackendName | 'default', Promise<ImageBackend>>()

  constructor(loaders: BackendLoaders = installed) {
    this.#loaders = loaders
  }

  /**
   * The backend of that name; without one, `'ffmpeg'` or, where `node-av` is not installed, `'sharp'`.
   *
   * @throws MediaError `ERR_BACKEND_MISSING`, saying what to install or why what is installed does not load
   */
  get(name: BackendName | undefined): Promise<ImageBackend> {
    const key = name ?? 'default'
    let backend = this.#found.get(key)
    if (backend === undefined) {
      backend = name === undefined ? this.#loadDefault() : this.#load(name)
      this.#found.set(key, backend)
      backend.catch(() => this.#found.delete(key)) // it may be installed in the meantime
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
        'no library to decode images is installed: run `npm install node-av` (fastest) or `npm install sharp`',
        { cause: error },
      )
    }
  }

  async #load(name: BackendName): Promise<ImageBackend> {
    try {
      return await this.#loaders[name]()
    } catch (error) {
      const library = PACKAGES[name]
      const message = isMissing(error, library)
        ? `the ${name} backend needs ${library}, which is not installed: run \`npm install ${library}\``
        : `the ${name} backend needs ${library}, which is installed but does not load: ${(error as Error)?.message}`
      throw new MediaError('ERR_BACKEND_MISSING', message, { cause: error })
    }
  }
}

/** The backends of this thread. */
export const backends: Backends = new Backends()

/** Whether an import failed because there is no such package, rather than because it is broken. */
function isMissing(error: unknown, library: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${library}`)
}

function isNotInstalled(error: unknown): boolean {
  return error instanceof MediaError && error.message.includes('is not installed')
}
