import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { servePage } from '../../src/cli/page-server.ts'
import { Recorder } from '../../src/observe/recording.ts'
import { chromium, openBrowser } from '../support/browser.ts'

// Not part of `npm test`, which needs Node alone: `npm run test:browser`. The server and its page
// are tested in live-page.test.ts.
assert.ok(chromium, 'there is no chromium on the PATH')

describe('the live page in a browser', () => {
  it('renews itself, is read by keys, has a light and a dark face, and stays when the run has ended', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* forever() {
        for (let i = 0; ; i++) yield i
      })
      .pipe((n) => new Promise<number>((resolve) => setTimeout(resolve, 3, n)), {
        name: '<b>wait</b>',
        concurrency: 2,
      })
      .build()
    const recorder = new Recorder(pipeline, { title: 'Live', intervalMs: 150 })
    const server = await servePage(recorder, 0)
    const consuming = pipeline.forEach(() => {})
    const page = await openBrowser()
    try {
      await page.resize(1200, 900)
      await page.open(server.url)
      await page.until(`document.querySelector('#live').textContent.startsWith('Live')`)
      assert.equal(await page.evaluate(`document.querySelector('h1').textContent`), 'Live')
      assert.equal(
        await page.evaluate(`document.querySelectorAll('b:not(.spread b)').length`),
        0,
        'names are text',
      )

      await page.until(`document.querySelector('#rate')`)
      await page.evaluate(`document.querySelector('#rate').focus()`)
      await page.evaluate(`document.querySelector('#rate-table').open = true`)
      await page.press('Home')
      const first = await page.evaluate<string>(
        `document.querySelector('#rate output').textContent`,
      )
      await page.press('End')
      const last = await page.evaluate<string>(`document.querySelector('#rate output').textContent`)
      assert.match(first, /^\d+ ms: [\d.k]+\/s$/)
      assert.notEqual(first, last)

      await page.evaluate(`window.before = document.querySelector('#head').textContent`)
      await page.until(`document.querySelector('#head').textContent !== before`)
      assert.equal(await page.evaluate('document.activeElement.id'), 'rate', 'the focus stays')
      assert.equal(await page.evaluate(`document.querySelector('#rate-table').open`), true)
      assert.notEqual(await page.evaluate(`document.querySelector('#rate output').textContent`), '')
      await page.press('Escape')
      assert.equal(await page.evaluate(`document.querySelector('#rate output').textContent`), '')

      const ground = `getComputedStyle(document.body).backgroundColor`
      await page.prefers('light')
      const [light, lightShot] = [await page.evaluate(ground), await page.screenshot()]
      await page.prefers('dark')
      const [dark, darkShot] = [await page.evaluate(ground), await page.screenshot()]
      assert.notEqual(light, dark)
      assert.ok(lightShot.length > 20_000 && darkShot.length > 20_000, 'something is drawn')
      for (const width of [1200, 360]) {
        await page.resize(width, 900)
        assert.ok(
          await page.evaluate(`document.documentElement.scrollWidth <= ${width}`),
          `wider than ${width}`,
        )
      }

      await pipeline.stop()
      await consuming
      recorder.stop()
      await server.end()
      await page.until(
        `document.querySelector('#live').textContent.startsWith('The run has ended')`,
      )
      assert.match(await page.evaluate(`document.querySelector('.state').textContent`), /^stopped/)
      assert.deepEqual(page.problems, [])
    } finally {
      await pipeline.stop()
      recorder.stop()
      await server.end()
      await page.close()
    }
  })
})
