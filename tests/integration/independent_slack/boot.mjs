// A Slack of its own on loopback, furnished as the argument (JSON) says; prints its address. SIGTERM ends it.
import { createEmulator } from 'emulate'

const slack = await createEmulator({ service: 'slack', port: 0, seed: { slack: JSON.parse(process.argv[2]) } })
console.log(slack.url)
