// Uploads one file as the JSON on standard input says, with the tus-js-client of the current folder.
// Prints {"url": where the upload lies, "answers": [[method, status, X-Request-Id], …]} as JSON.

import { createReadStream, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const tus = createRequire(join(process.cwd(), 'package.json'))('tus-js-client')
const wish = JSON.parse(readFileSync(0, 'utf-8'))
const answers = []

const upload = new tus.Upload(createReadStream(wish.path), {
  endpoint: wish.endpoint,
  headers: wish.headers,
  metadata: wish.metadata,
  chunkSize: wish.chunk_size ?? Number.POSITIVE_INFINITY,
  retryDelays: Array(wish.retries).fill(100),
  onAfterResponse: (request, response) => {
    answers.push([request.getMethod(), response.getStatus(), response.getHeader('X-Request-Id') ?? null])
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, answers })),
  onError: (error) => {
    console.error(String(error))
    process.exitCode = 1
  },
})
upload.start()
