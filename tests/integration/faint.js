// The texts in sight whose contrast with what is behind them is below WCAG 2.2 AA (1.4.3): 4.5, or 3 for large ones.
() => {
  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return { rgb: parts.slice(0, 3).map((part) => part * scale), alpha: parts[3] ?? 1 };
  };
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const { rgb, alpha } = parse(getComputedStyle(each).backgroundColor);
      if (alpha > 0.99) return rgb;
    }
    return [255, 255, 255];
  };
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => {
    const [red, green, blue] = rgb.map((part) => linear(part / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const faint = [];
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const texts = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const words = texts.currentNode.nodeValue.trim();
    if (!words || !seen(node) || node.closest("option, :disabled")) continue;
    const style = getComputedStyle(node);
    const [front, back] = [light(parse(style.color).rgb), light(behind(node))];
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${words} (${contrast.toFixed(2)})`);
  }
  return faint;
}
