// Sends random packets to every decoder of the FFmpeg build: each must end in frames or an error,
// and never crash or hang.
//   npm run fuzz:decoders [-- name …] [--rounds 200] [--seed 1] [--timeout-s 20]
// A decoder that crashes or hangs is refused in packages/io/src/ffmpeg/decoders.ts, with the
// reason. Each decoder has a process of its own, which takes minutes in total. Run it after an
// update of node-av.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    'timeout-s': { type: 'string', default: '20' },
    child: { type: 'boolean', default: false },
  },
})
const av = await import('node-av/lib')
const constants = await import('node-av/constants')
const TYPES = [constants.AVMEDIA_TYPE_AUDIO, constants.AVMEDIA_TYPE_VIDEO]
/** Hardware decoders, which may be missing here and may search for it without end. */
const HARDWARE = /_(?:qsv|cuvid|amf|v4l2m2m)$/

if (options.child) decodeNoise(names[0])
else await tryAll()

async function tryAll() {
  const decoders = av.Codec.getCodecList()
    // Subtitles have other calls, which nothing here makes.
    .filter(
      (codec) => codec.isDecoder() && TYPES.includes(codec.type) && !HARDWARE.test(codec.name),
    )
    .map(({ name }) => name)
    .filter((name) => names.length === 0 || names.includes(name))
  const queue = [...decoders]
  const bad = []
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const problem = await tryOne(name)
        if (problem !== undefined) bad.push(`${name}: ${problem}`)
      }
    }),
  )
  for (const line of bad.sort()) console.log(line)
  console.log(`${decoders.length - bad.length} passed, ${bad.length} failed`)
  process.exitCode = bad.length > 0 ? 1 : 0
}

function tryOne(name) {
  return new Promise((resolve) => {
    const { rounds, seed } = options
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), name, '--child', '--rounds', rounds, '--seed', seed],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: Number(options['timeout-s']) * 1000,
        killSignal: 'SIGKILL',
      },
    )
    let said = ''
    child.stderr.on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    child.on('close', (code, signal) => {
      const last = said.trim().split('\n').at(-1) ?? ''
      if (signal === 'SIGKILL') resolve('does not end')
      else
        resolve(signal === null && code === 0 ? undefined : `${signal ?? `status ${code}`} ${last}`)
    })
  })
}

/** Random bytes, and random bytes with a plausible beginning. */
function decodeNoise(name) {
  av.Log.setLevel(constants.AV_LOG_QUIET)
  const codec = av.Codec.findDecoderByName(name)
  const random = generator(Number(options.seed))
  for (let round = 0; round < Number(options.rounds); round++) {
    const context = new av.CodecContext()
    context.allocContext3(codec)
    context.threadCount = 1
    if (codec.type === constants.AVMEDIA_TYPE_VIDEO) {
      context.width = 16 + 16 * (random() % 8)
      context.height = 16 + 16 * (random() % 8)
    } else if (codec.type === constants.AVMEDIA_TYPE_AUDIO) {
      context.sampleRate = [8000, 44_100, 48_000][random() % 3]
      context.channelLayout = {
        nbChannels: 1 + (random() % 2),
        order: 1,
        mask: random() % 2 === 0 ? 4n : 3n,
      }
    }
    context.setOption('max_pixels', 1_000_000)
    if (random() % 2 === 0) context.extraData = noise(random, 1 + (random() % 200))
    if (context.open2Sync(codec, null) < 0) {
      context.freeContext()
      continue
    }
    const frame = new av.Frame()
    frame.alloc()
    for (let packets = 0; packets < 4; packets++) {
      const packet = new av.Packet()
      packet.alloc()
      packet.data = noise(random, 1 + (random() % 3000))
      context.sendPacketSync(packet)
      for (let frames = 0; frames < 16 && context.receiveFrameSync(frame) >= 0; frames++)
        frame.unref()
      packet.free()
    }
    frame.free()
    context.freeContext()
  }
}

function noise(random, length) {
  const bytes = Buffer.alloc(length)
  // Small numbers and runs get further into a parser than random bytes do.
  const mask = [0xff, 0x0f, 0x03][random() % 3]
  for (let at = 0; at < length; at++) bytes[at] = random() & mask
  return bytes
}

/** xorshift32: the same noise for the same seed. */
function generator(seed) {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
