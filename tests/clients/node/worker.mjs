// Uploads one file as the JSON on standard input says, with the tus-js-client of the current folder.
// Prints {"url": where the upload lies, "answers": [[method, status, X-Request-Id], …]} as JSON.
//
// "options" are handed on to the client. "resume" names a file in which it keeps addresses, so that another
// process goes on; "stop_at" ends this one there; "terminate" gives the upload up there. "as_stream": it cannot
// know the length beforehand.

import { createReadStream, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'

const tus = createRequire(join(process.cwd(), 'package.json'))('tus-js-client')
const wish = JSON.parse(readFileSync(0, 'utf-8'))
const answers = []

const report = () => console.log(JSON.stringify({ url: upload.url, answers }))
const stopAt = wish.stop_at ?? wish.terminate ?? Number.POSITIVE_INFINITY

function source() {
  const file = createReadStream(wish.path)
  return wish.as_stream ? file.pipe(new PassThrough()) : file
}

const upload = new tus.Upload(source(), {
  endpoint: wish.endpoint,
  headers: wish.headers,
  metadata: wish.metadata,
  chunkSize: wish.chunk_size ?? Number.POSITIVE_INFINITY,
  retryDelays: Array(wish.retries).fill(100),
  onAfterResponse: (request, response) => {
    answers.push([request.getMethod(), response.getStatus(), response.getHeader('X-Request-Id') ?? null])
  },
  ...(wish.resume ? { urlStorage: new tus.FileUrlStorage(wish.resume) } : {}),
  ...wish.options,
  onChunkComplete: (_size, sent) => {
    if (sent >= stopAt) upload.abort('terminate' in wish).then(report)
  },
  onSuccess: report,
  onError: (error) => {
    console.error(String(error))
    process.exitCode = 1
  },
})
if (wish.resume) {
  const previous = await upload.findPreviousUploads()
  if (previous.length) upload.resumeFromPreviousUpload(previous[0])
}
upload.start()
