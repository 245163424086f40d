// Sends one file to the content server with tus-js-client. This page knows no key: the institution's
// system gives it an address, signed for a limited time, that can do nothing but take this upload's bytes.
'use strict'

const KEPT = 'unfinished recording'
const LONGEST_PAUSE = 15000 // milliseconds between two tries
const show = (id) => document.getElementById(id)

let kept = JSON.parse(localStorage.getItem(KEPT) ?? 'null') // {id, title, name, size, modified}
let file = null
let upload = null
let retry = null
let turn = 0 // counts what begins or pauses sending: an answer to an older turn changes nothing
let tries = 0
let pace = null // {at, sent, rate}: bytes a second, smoothed
let awake = null

// -- the institution's system ---------------------------------------------------------------------

async function ask(method, path, said) {
  const options = { method, headers: {} }
  if (method !== 'GET') {
    options.headers['Content-Type'] = 'application/json'
    options.body = JSON.stringify(said ?? {})
  }
  let answer
  try {
    answer = await fetch(path, options)
  } catch {
    throw Object.assign(new Error('There is no connection.'), { status: 0 })
  }
  const heard = await answer.json().catch(() => ({}))
  if (!answer.ok) throw Object.assign(new Error(heard.message ?? 'Something went wrong.'), { status: answer.status })
  return heard
}

const isFinal = (status) => status >= 400 && status < 500 && ![408, 409, 423, 429].includes(status)

// -- sending --------------------------------------------------------------------------------------

async function begin(event) {
  event.preventDefault()
  const [field, problem] = whatIsMissing() ?? []
  if (field) return complain(problem, field)
  show('send').disabled = true
  try {
    if (!kept) {
      const title = show('title').value.trim()
      const about = { title, name: file.name, size: file.size, type: file.type }
      const { id } = await ask('POST', '/recordings', about)
      keep({ id, title, name: file.name, size: file.size, modified: file.lastModified })
    }
    tries = 0
    open('sending')
    await send()
  } catch (error) {
    complain(error.message)
  } finally {
    show('send').disabled = false
  }
}

// Each start asks for a fresh address: the last one may have ended while the line was away.
async function send() {
  const mine = ++turn
  clearTimeout(retry)
  state('Looking where to go on…')
  let recording
  try {
    recording = await ask('GET', `/recordings/${kept.id}`)
  } catch (error) {
    if (mine !== turn) return
    return error.status === 404 ? gone() : later(error)
  }
  if (mine !== turn) return
  if (recording.state === 'stored') return stored(recording)
  if (recording.state === 'refused') return refused(recording)
  if (recording.state === 'accepted') return finish()
  pace = null
  upload = new tus.Upload(file, {
    uploadUrl: recording.address,
    storeFingerprintForResuming: false, // a signed address is a key: it is never written down
    retryDelays: [0, 500],
    onProgress: progress,
    onSuccess: finish,
    onError: (error) => (error.originalResponse?.getStatus() === 410 ? gone() : later(error)),
  })
  upload.start()
  stayAwake()
}

async function finish() {
  upload = null
  progress(kept.size, kept.size)
  state('All of it has arrived. It is being stored…')
  try {
    const recording = await ask('POST', `/recordings/${kept.id}/done`)
    if (recording.state === 'refused') refused(recording)
    else stored(recording)
  } catch (error) {
    if (isFinal(error.status)) gone()
    else later(error)
  }
}

function later(error) {
  upload = null
  const pause = Math.min(500 * 2 ** tries++, LONGEST_PAUSE)
  const answered = error.status || error.originalResponse
  const lost = answered ? 'The system does not answer.' : 'The connection is lost.'
  look('waiting', `${lost} Trying again; nothing that was sent is lost.`)
  retry = setTimeout(send, pause)
}

async function pause() {
  turn += 1
  clearTimeout(retry)
  const running = upload
  upload = null
  look('resting', 'Paused. You may also close this page and go on another time.')
  show('resume').focus()
  await running?.abort()
  letSleep()
}

function resume() {
  tries = 0
  look('', '')
  show('pause').focus()
  send()
}

async function cancel() {
  await pause()
  try {
    await ask('DELETE', `/recordings/${kept.id}`)
  } catch (error) {
    if (error.status !== 404) return complain(`${error.message} The upload could not be cancelled.`)
  }
  startAgain()
}

function gone() {
  startAgain()
  complain('This upload is not there any more; it was not finished in time. Please send the file again.')
}

function refused(recording) {
  startAgain()
  complain(`The file was not accepted: ${recording.reason}`)
}

function stored(recording) {
  keep(null)
  letSleep()
  show('stored-file').textContent = `${recording.title} · ${recording.name}`
  show('stored-version').textContent = recording.version
  show('stored-size').textContent = bytes(recording.size)
  show('stored-digest').textContent = recording.sha256
  document.title = 'Safely stored'
  open('stored')
  show('stored-title').focus()
}

// -- what is seen ---------------------------------------------------------------------------------

function open(part) {
  for (const each of ['choose', 'sending', 'stored']) show(each).hidden = each !== part
  forgive()
  if (part !== 'sending') return
  show('sending-title').textContent = kept.title
  show('sending-file').textContent = `${kept.name}, ${bytes(kept.size)}`
  look('', '')
}

function startAgain() {
  keep(null)
  file = null
  show('choose').reset()
  document.title = 'Hand in a recording'
  choose()
}

function choose() {
  open('choose')
  show('title-field').hidden = Boolean(kept)
  show('begun').hidden = show('forget').hidden = !kept
  show('send').textContent = kept ? 'Go on' : 'Send'
  if (kept) {
    show('begun-title').textContent = kept.title
    show('begun-hint').textContent =
      `${kept.percent ? `About ${kept.percent} % is there` : 'This one is not finished'}. ` +
      `Choose ${kept.name} (${bytes(kept.size)}) once more, and it goes on where it stopped.`
  }
  chosen()
}

function chosen() {
  show('drop').classList.toggle('chosen', Boolean(file))
  show('drop-main').textContent = file ? file.name : kept ? `Choose ${kept.name}` : 'Choose a file'
  show('drop-hint').textContent = file ? `${bytes(file.size)}; choose another` : 'or drop it here'
  forgive()
}

function whatIsMissing() {
  if (!kept && !show('title').value.trim()) return ['title', 'Give the recording a title.']
  if (!file) return ['file', 'Choose a file first.']
  if (!kept) return null
  const same = file.name === kept.name && file.size === kept.size && file.lastModified === kept.modified
  return same ? null : ['file', `This is another file, or it was changed since. Choose ${kept.name} as it was.`]
}

function complain(text, field) {
  show('problem').textContent = text
  show('problem').hidden = false
  for (const each of ['title', 'file']) show(each).setAttribute('aria-invalid', String(each === field))
  if (field) show(field).focus()
}

function forgive() {
  show('problem').hidden = true
  for (const each of ['title', 'file']) show(each).removeAttribute('aria-invalid')
}

function look(mood, text) {
  show('sending').className = `card ${mood}`
  show('pause').hidden = mood === 'resting'
  show('resume').hidden = mood !== 'resting'
  if (mood) show('rate').textContent = ''
  state(text)
}

const state = (text) => { show('state').textContent = text }

function progress(sent, total) {
  if (show('sending').classList.contains('resting')) return
  tries = 0
  show('sending').className = 'card'
  if (show('state').textContent) state('')
  const percent = Math.floor((100 * sent) / total)
  if (percent !== kept.percent) keep({ ...kept, percent })
  show('progress').value = percent
  show('percent').textContent = `${percent} %`
  show('rate').textContent = measured(sent, total)
  document.title = `${percent} % · ${kept.title}`
}

function measured(sent, total) {
  const now = performance.now()
  if (!pace) pace = { at: now, sent, rate: 0 }
  const seconds = (now - pace.at) / 1000
  if (seconds > 0.5) {
    const rate = (sent - pace.sent) / seconds
    pace = { at: now, sent, rate: pace.rate ? 0.7 * pace.rate + 0.3 * rate : rate }
  }
  if (pace.rate <= 0) return `${bytes(sent)} of ${bytes(total)}`
  return `${bytes(pace.rate)}/s · ${duration((total - sent) / pace.rate)} left`
}

function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = count ? Math.min(Math.floor(Math.log10(count) / 3), units.length - 1) : 0
  const value = count / 1000 ** power
  return `${value.toLocaleString('en', { maximumFractionDigits: value < 10 && power ? 1 : 0 })} ${units[power]}`
}

function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`
  return `${Math.floor(seconds / 3600)} h ${Math.ceil((seconds % 3600) / 60)} min`
}

// -- what outlives the page -----------------------------------------------------------------------

function keep(recording) {
  kept = recording
  if (kept) localStorage.setItem(KEPT, JSON.stringify(kept))
  else localStorage.removeItem(KEPT)
}

// A phone whose screen goes dark stops sending.
async function stayAwake() {
  try {
    awake ??= await navigator.wakeLock?.request('screen')
  } catch {
    awake = null
  }
}

function letSleep() {
  awake?.release()
  awake = null
}

// -- what people do -------------------------------------------------------------------------------

show('choose').addEventListener('submit', begin)
show('file').addEventListener('change', (event) => { file = event.target.files[0] ?? null; chosen() })
show('title').addEventListener('input', forgive)
show('pause').addEventListener('click', pause)
show('resume').addEventListener('click', resume)
show('cancel').addEventListener('click', cancel)
show('forget').addEventListener('click', cancel)
show('another').addEventListener('click', startAgain)
for (const kind of ['dragover', 'dragleave', 'drop']) {
  show('drop').addEventListener(kind, (event) => {
    event.preventDefault()
    show('drop').classList.toggle('over', kind === 'dragover')
    if (kind !== 'drop' || !event.dataTransfer.files[0]) return
    file = event.dataTransfer.files[0]
    chosen()
  })
}
window.addEventListener('online', () => { if (show('sending').classList.contains('waiting')) send() })

// What was under way when the page was closed may have ended since.
async function arrive() {
  choose()
  if (!kept) return
  try {
    const recording = await ask('GET', `/recordings/${kept.id}`)
    if (recording.state === 'stored') stored(recording)
  } catch (error) {
    if (error.status === 404) gone()
  }
}

arrive()
