// What the elements of one surface (a message, a modal, Home) hold: as Slack said it, and as the controls have it now.

const FIELDS = ["value", "selected_option", "selected_options", "selected_user", "selected_users", "selected_channel",
  "selected_channels", "selected_conversation", "selected_conversations", "selected_date", "selected_time", "selected_date_time"];
const INITIAL = FIELDS.map((field) => field.replace(/^(selected_)?/, "initial_"));

/** A control's name on the page. */
export const idOf = (item, block, world) => `e-${world.form.id}-${block.block_id}-${item.action_id}`.replace(/[^\w-]/g, "_");

/** What a control is, for the deeds on it, and what a screen reader says of it. */
export function about(item, block, world) {
  const id = idOf(item, block, world);
  const input = block.type === "input";
  const wrong = Boolean(world.form.errors?.[block.block_id]);
  const described = [wrong && `${id}-error`, input && block.hint && `${id}-hint`].filter(Boolean).join(" ");
  const asks = item.dispatch_action_config?.trigger_actions_on?.includes("on_character_entered") ? "character" : "enter";
  return {
    id, "data-action": item.action_id, "data-block": block.block_id, "data-kind": item.type,
    "data-dispatch": input && !block.dispatch_action ? null : asks, "data-confirm": item.confirm && JSON.stringify(item.confirm),
    "aria-label": input ? null : block.text?.text ?? item.placeholder?.text ?? item.type.replaceAll("_", " "),
    "aria-describedby": described || null, "aria-invalid": wrong && "true",
    "aria-required": input && !block.optional && "true", "data-focus": item.focus_on_load && "true",
  };
}

/** What an element holds as far as Slack knows: an option, a list of them, an id, a text, or nothing. */
export function heldBy(item, block, world) {
  const held = world.form.values?.[block.block_id]?.[item.action_id];
  const [source, fields] = held ? [held, FIELDS] : [item, INITIAL];
  const field = fields.find((name) => source[name] !== undefined && source[name] !== null);
  return field ? source[field] : null;
}

/** What is entered in the controls below `node`: block_id -> action_id -> text, value, values or options. */
export function valuesIn(node, world) {
  const values = {};
  for (const control of node.querySelectorAll("[data-action]")) {
    (values[control.dataset.block] ??= {})[control.dataset.action] = valueOf(control, world);
  }
  return values;
}

export function valueOf(control, world) {
  const { kind } = control.dataset;
  if (kind.endsWith("external_select")) {
    const { chosen } = world.combos.get(control.id);
    return kind.startsWith("multi") ? chosen : chosen[0] ?? null;
  }
  if (control.matches("[role=group], [role=radiogroup]")) {
    const checked = [...control.querySelectorAll("input:checked")].map(({ value }) => value);
    return kind === "radio_buttons" ? checked[0] ?? null : checked;
  }
  if (kind === "datetimepicker") return control.value ? Date.parse(`${control.value}Z`) / 1000 : null;
  return control.value || null;
}

/** Put a control back to what was drawn. */
export function reset(control) {
  for (const option of control.querySelectorAll("option")) option.selected = option.defaultSelected;
  for (const box of control.querySelectorAll("input")) box.checked = box.defaultChecked;
  if ("defaultValue" in control) control.value = control.defaultValue;
}
