// Draws docs/pictures/paths.svg and merges.svg, which docs/paths-and-merges.md shows.
//   node docs/pictures/make-paths.mjs
import { writeFileSync } from 'node:fs'

const HEIGHT = 34
const box = (x, y, text, width = 104) =>
  `<rect x="${x}" y="${y - HEIGHT / 2}" width="${width}" height="${HEIGHT}" rx="6" class="box"/>` +
  `<text x="${x + width / 2}" y="${y + 4}">${text}</text>`
const arrow = (x1, y1, x2, y2) =>
  `<path d="M${x1} ${y1} C ${(x1 + x2) / 2} ${y1}, ${(x1 + x2) / 2} ${y2}, ${x2 - 6} ${y2}" class="arrow" marker-end="url(#end)"/>`
const label = (x, y, text) => `<text x="${x}" y="${y}" class="label">${text}</text>`

function drawing(width, height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#1b1d21}.label{font-size:12px;fill:#5a606b}.box{fill:#fff;stroke:#0b6e4f;stroke-width:1.5}.arrow{fill:none;stroke:#5a606b;stroke-width:1.5}</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#5a606b"/></marker></defs>
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}

const here = (name) => new URL(name, import.meta.url)
writeFileSync(
  here('paths.svg'),
  drawing(700, 210, 'A router sends each item to one of three paths, which join again', [
    box(10, 105, 'source', 80),
    arrow(90, 105, 130, 105),
    box(130, 105, 'router', 84),
    ...['decode image', 'decode video', 'drop'].flatMap((text, i) => {
      const y = 40 + i * 65
      return [
        arrow(214, 105, 310, y),
        label(262, (105 + y) / 2 - 8, `→ ${i}`),
        box(310, y, text, 120),
        ...(i < 2 ? [arrow(430, y, 520, 105)] : []),
      ]
    }),
    box(520, 105, 'next stage', 100),
    arrow(620, 105, 680, 105),
  ]),
)
writeFileSync(
  here('merges.svg'),
  drawing(700, 170, 'Three pipelines merge into one', [
    ...['photos', 'scans', 'web pages'].flatMap((text, i) => {
      const y = 30 + i * 55
      return [
        box(10, y, text, 100),
        arrow(110, y, 160, y),
        box(160, y, 'their stages', 110),
        arrow(270, y, 380, 85),
      ]
    }),
    box(380, 85, 'merge', 84),
    arrow(464, 85, 520, 85),
    box(520, 85, 'common stages', 120),
    arrow(640, 85, 690, 85),
  ]),
)
