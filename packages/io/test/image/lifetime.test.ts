import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Backends } from '../../src/api/backends.ts'
import { type Ended, runProgram, sourceUrl } from '../child-program.ts'
import { SETTLES } from '../rss-settles.ts'
import { BACKENDS, PHOTOS } from '../support.ts'

/** Runs a module that loads images in a process of its own, which must end by itself. */
function run(source: string, ...flags: string[]): Ended {
  const preamble = `import { loadImage, loadImageBatch } from ${JSON.stringify(sourceUrl('index'))}; const photos = ${JSON.stringify(PHOTOS)};${SETTLES}`
  return runProgram(preamble + source, ...flags)
}

/**
 * Flags that make packages look as if they were not installed, in every thread: to `import` and to
 * `require`.
 */
function without(...packages: string[]): string[] {
  const refuse = `
    const missing = ${JSON.stringify(packages)}
    const refuse = (specifier, code) => {
      if (!missing.some((name) => specifier === name || specifier.startsWith(name + '/'))) return
      throw Object.assign(new Error("Cannot find package '" + specifier + "'"), { code })
    };`
  const hooks = `${refuse}
    export async function resolve(specifier, context, next) { refuse(specifier, 'ERR_MODULE_NOT_FOUND'); return next(specifier, context) }`
  const preload = `${refuse}
    import Module from 'node:module'
    Module.register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hooks))})
    const { _resolveFilename } = Module
    Module._resolveFilename = function (request, ...rest) { refuse(request, 'MODULE_NOT_FOUND'); return _resolveFilename.call(this, request, ...rest) }`
  return ['--no-deprecation', '--import', `data:text/javascript,${encodeURIComponent(preload)}`]
}

describe('lifetime', () => {
  for (const backend of BACKENDS) {
    it(`${backend}: a program that loaded images ends by itself, and prints nothing`, () => {
      const { status, stdout, stderr } = run(`
        await loadImage(photos + 'cat-1.png', { backend: '${backend}' })
        await loadImage(photos + 'damaged/truncated.jpg', { backend: '${backend}' }).catch(() => {})
        await loadImageBatch([photos + 'fig-1.jpg', photos + 'pasture-1.avif'], { width: 9, height: 9, backend: '${backend}' })
        process.stdout.write('done')`)
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'done', stderr: '' })
    })

    it(`${backend}: process.exit and an exception are clean while images are being decoded`, () => {
      const busy = `
        const one = () => loadImage(photos + 'mountains-large.jpg', { backend: '${backend}', width: 99 })
        await Promise.any(Array.from({ length: 20 }, one));`
      assert.equal(run(`${busy} process.exit(3)`).status, 3)
      const thrown = run(`${busy} throw new Error('on purpose')`)
      assert.equal(thrown.status, 1)
      assert.match(thrown.stderr, /on purpose/)
    })

    it(`${backend}: memory stays flat`, { timeout: 120_000 }, () => {
      const { status, stdout, stderr } = run(
        `
        const names = ['cat-small.jpg', 'camera-grey.png', 'coffee-palette.png', 'temple-1.gif', 'fig-cmyk.jpg', 'damaged/truncated.jpg', 'galaxies-lossless.webp', 'pasture-1.avif']
        const { readFileSync } = await import('node:fs')
        const files = names.map((name) => readFileSync(photos + name))
        const round = async () => {
          for (let i = 0; i < ${backend === 'ffmpeg' ? 50 : 25}; i++) {
            const size = { width: 32 + (i % 7), height: 32 + (i % 5) }
            await Promise.all(files.map((file) => loadImage(file, { ...size, backend: '${backend}' }).catch(() => {})))
          }
        }
        process.stdout.write(JSON.stringify(await settles(round, 8)))`,
        '--expose-gc',
      )
      assert.equal(status, 0, stderr)
      // 8 MiB are 20 KB (sharp: 40) of each image.
      const growth = JSON.parse(stdout) as number[]
      assert.ok((growth.at(-1) as number) < 8, `grew by ${growth} MiB`)
    })
  }

  it('imports a library only when an image is loaded, and the default is ffmpeg', () => {
    const { stdout, stderr } = run(`
      const loaded = () => ['node-av', 'sharp'].filter((name) => process.report.getReport().sharedObjects.some((file) => file.includes(name)))
      const before = loaded()
      await loadImage(photos + 'cat-1.png')
      process.stdout.write(JSON.stringify([before, loaded()]))`)
    assert.equal(stdout, '[[],["node-av"]]', stderr)
  })
})

describe('missing libraries', () => {
  const load = (options: object): string => `
    const error = await loadImage(photos + 'cat-1.png', ${JSON.stringify(options)}).then((image) => image.shape, (e) => e)
    process.stdout.write(error.code ? error.code + ': ' + error.message : String(error))`

  it('falls back to sharp', () => {
    assert.equal(run(load({}), ...without('node-av')).stdout, '240,320,3')
  })

  it('says what to install when there is none', () => {
    const { stdout } = run(load({}), ...without('node-av', 'sharp'))
    assert.match(stdout, /^ERR_BACKEND_MISSING: .*`npm install node-av`.* or `npm install sharp`$/)
  })

  it('says what to install when the one asked for is missing', () => {
    assert.match(
      run(load({ backend: 'ffmpeg' }), ...without('node-av')).stdout,
      /^ERR_BACKEND_MISSING: the ffmpeg backend needs node-av, which is not installed: run `npm install node-av` \(licence: MIT; the FFmpeg in it is a GPL-3\.0 build\)$/,
    )
    assert.match(
      run(load({ backend: 'sharp' }), ...without('sharp')).stdout,
      /^ERR_BACKEND_MISSING: the sharp backend needs sharp, which is not installed: run `npm install sharp` \(licence: Apache-2\.0; .*\)$/,
    )
  })

  it('does not pass over a library that is installed but broken', async () => {
    const broken = new Backends({
      ffmpeg: () => Promise.reject(new Error('libfoo.so: cannot open shared object file')),
      sharp: () => Promise.reject(new Error('not reached')),
    })
    const rejection = {
      code: 'ERR_BACKEND_MISSING',
      message: /node-av, which is installed but does not load: libfoo\.so/,
      // In a pipeline no failure budget covers it.
      isInfrastructure: true,
    }
    await assert.rejects(broken.get(undefined), rejection)
    await assert.rejects(broken.get('ffmpeg'), rejection)
  })

  it('looks again after a failure', async () => {
    let tries = 0
    const backends = new Backends({
      ffmpeg: () => Promise.reject(new Error(String(++tries))),
      sharp: () => Promise.reject(new Error('not reached')),
    })
    await assert.rejects(backends.get('ffmpeg'))
    await assert.rejects(backends.get('ffmpeg'))
    assert.equal(tries, 2)
  })
})
