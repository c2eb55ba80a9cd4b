// A text object of Block Kit: https://docs.slack.dev/reference/block-kit/composition-objects/text-object

import { mrkdwn, plain } from "./page-mrkdwn.js";

/** Nodes for a text object, `plain_text` or `mrkdwn`; a `verbatim` one makes no links of bare addresses. */
export function text({ type, text: body, verbatim }, world) {
  return type === "plain_text" ? plain(body) : mrkdwn(body, verbatim ? { ...world, verbatim } : world);
}
