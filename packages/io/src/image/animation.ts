import type { EncodedImage } from './backend.ts'
import { isApng } from './formats/apng.ts'
import { isWebpAnimation } from './formats/webp.ts'

/** Whether a file is of a kind that can hold several pictures: any GIF, WebP and PNG animations. */
export function isAnimated({ bytes, format }: EncodedImage): boolean {
  if (format === 'gif') return true
  if (format === 'webp') return isWebpAnimation(bytes)
  return format === 'png' && isApng(bytes)
}
