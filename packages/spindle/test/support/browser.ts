// A headless Chromium, driven over its DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/) on pipes: no dependency needed.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** Path of a Chromium, or `undefined` if there is none. */
export const chromium: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) =>
    ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)),
  )
  .find((path) => existsSync(path))

type Fields = Record<string, any>

/** One page of a browser. */
export interface Page {
  open(url: string): Promise<void>
  /** The value of an expression in the page; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>
  /** Evaluates again and again until it is truthy. */
  until(expression: string): Promise<void>
  press(key: string): Promise<void>
  prefers(scheme: 'light' | 'dark'): Promise<void>
  resize(width: number, height: number): Promise<void>
  /** A PNG of what is in sight. */
  screenshot(): Promise<Buffer>
  /** Errors and warnings on the console, exceptions, and requests that failed or were blocked. */
  readonly problems: readonly string[]
  close(): Promise<void>
}

export async function openBrowser(): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), 'spindle-chromium-'))
  const child = spawn(
    chromium as string,
    [
      '--headless=new',
      '--remote-debugging-pipe',
      `--user-data-dir=${profile}`,
      '--no-first-run',
      '--disable-gpu',
      '--disable-extensions',
      '--hide-scrollbars',
      // Its sandbox does not start for root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as unknown as Readable]
  const pending = new Map<
    number,
    { resolve: (result: any) => void; reject: (error: Error) => void }
  >()
  const events: ((method: string, params: Fields) => void)[] = []
  let [lastId, received] = [0, '']
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (received + chunk).split('\0')
    received = messages.pop() as string
    for (const message of messages) {
      const { id, result, error, method, params } = JSON.parse(message)
      if (id === undefined) for (const listener of events) listener(method, params)
      else if (error === undefined) pending.get(id)?.resolve(result)
      else pending.get(id)?.reject(new Error(error.message))
      pending.delete(id)
    }
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void gone.then(() => {
    for (const { reject } of pending.values()) reject(new Error('chromium has ended'))
  })
  let sessionId: string | undefined
  const send = (method: string, params: Fields = {}): Promise<any> =>
    new Promise((resolve, reject) => {
      pending.set(++lastId, { resolve, reject })
      input.write(`${JSON.stringify({ id: lastId, method, params, sessionId })}\0`)
    })

  const { targetInfos } = await send('Target.getTargets')
  const { targetId } = targetInfos.find(({ type }: Fields) => type === 'page')
  sessionId = (await send('Target.attachToTarget', { targetId, flatten: true })).sessionId
  const problems: string[] = []
  events.push((method, params) => {
    if (method === 'Runtime.exceptionThrown')
      problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text)
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning'].includes(params.type))
      problems.push(params.args.map(({ value }: Fields) => value).join(' '))
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level))
      problems.push(params.entry.text)
  })
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`)

  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails !== undefined)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description}`)
    return result.value
  }
  return {
    problems,
    evaluate,
    open: async (url) => {
      const loaded = new Promise<void>((resolve) => {
        events.push((method) => method === 'Page.loadEventFired' && resolve())
      })
      await send('Page.navigate', { url })
      await loaded
    },
    until: async (expression) => {
      while (!(await evaluate(expression))) await new Promise((resolve) => setTimeout(resolve, 50))
    },
    press: async (key) => {
      await send('Input.dispatchKeyEvent', {
        type: 'keyDown',
        key,
        code: key,
        windowsVirtualKeyCode: KEYS[key],
      })
      await send('Input.dispatchKeyEvent', {
        type: 'keyUp',
        key,
        code: key,
        windowsVirtualKeyCode: KEYS[key],
      })
    },
    prefers: (value) =>
      send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] }),
    resize: (width, height) =>
      send('Emulation.setDeviceMetricsOverride', {
        width,
        height,
        deviceScaleFactor: 1,
        mobile: false,
      }),
    screenshot: async () => {
      const { data } = await send('Page.captureScreenshot', { format: 'png' })
      return Buffer.from(data, 'base64')
    },
    close: async () => {
      sessionId = undefined
      send('Browser.close').catch(() => {})
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
      await gone
      clearTimeout(timer)
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: 37,
  ArrowRight: 39,
  End: 35,
  Home: 36,
  Escape: 27,
  Tab: 9,
}
