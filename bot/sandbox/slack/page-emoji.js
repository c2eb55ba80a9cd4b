// The emoji short codes that bots use most; an unknown code stays as it was typed, as in Slack.

const TABLE = `
+1 👍 -1 👎 tada 🎉 rocket 🚀 fire 🔥 eyes 👀 wave 👋 heart ❤️ star ⭐ sparkles ✨ trophy 🏆 seedling 🌱 pray 🙏 clap 👏 raised_hands 🙌
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎ no_entry ⛔ no_entry_sign 🚫
warning ⚠️ rotating_light 🚨 exclamation ❗ grey_exclamation ❕ question ❓ information_source ℹ️ bulb 💡 bell 🔔 no_bell 🔕
hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰ clock1 🕐 clock3 🕒 timer_clock ⏲️ calendar 📆 date 📅
arrows_counterclockwise 🔄 repeat 🔁 arrow_forward ▶️ double_vertical_bar ⏸️ pause_button ⏸️ black_square_for_stop ⏹️ stop_button ⏹️
arrow_up ⬆️ arrow_down ⬇️ arrow_right ➡️ arrow_left ⬅️ arrow_upper_right ↗️ arrow_lower_right ↘️ heavy_plus_sign ➕ heavy_minus_sign ➖
octagonal_sign 🛑 checkered_flag 🏁 traffic_light 🚦 vertical_traffic_light 🚦 station 🚉 steam_locomotive 🚂 train 🚋 bullettrain_side 🚄
red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵 white_circle ⚪ black_circle ⚫
large_green_square 🟩 large_red_square 🟥 large_yellow_square 🟨 white_large_square ⬜ small_blue_diamond 🔹 small_orange_diamond 🔸
label 🏷️ link 🔗 package 📦 file_folder 📁 open_file_folder 📂 page_facing_up 📄 memo 📝 clipboard 📋 pushpin 📌 paperclip 📎 bookmark 🔖 books 📚
floppy_disk 💾 cd 💿 inbox_tray 📥 outbox_tray 📤 mag 🔍 lock 🔒 unlock 🔓 key 🔑 shield 🛡️ wastebasket 🗑️ scroll 📜 newspaper 📰
chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊 dart 🎯 moneybag 💰 dollar 💵 euro 💶 credit_card 💳
gear ⚙️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ construction 🚧 robot_face 🤖 computer 💻 desktop_computer 🖥️ electric_plug 🔌 battery 🔋 zap ⚡
cloud ☁️ globe_with_meridians 🌐 house 🏠 brain 🧠 microscope 🔬 test_tube 🧪 bug 🐛 boom 💥 ghost 👻 skull 💀 zzz 💤 snail 🐌 turtle 🐢
speech_balloon 💬 thought_balloon 💭 bust_in_silhouette 👤 busts_in_silhouette 👥 point_right 👉 thinking_face 🤔 slightly_smiling_face 🙂 crossed_fingers 🤞
smile 😄 grinning 😀 cry 😢 sweat_smile 😅 apple 🍎 green_apple 🍏 pear 🍐 tangerine 🍊 lemon 🍋 banana 🍌 cherries 🍒 strawberry 🍓 grapes 🍇`;

const words = TABLE.trim().split(/\s+/);
export const EMOJI = new Map(words.flatMap((word, at) => (at % 2 ? [] : [[word, words[at + 1]]])));

/** `:rocket:` or `rocket` as its character; anything else unchanged. */
export const emoji = (code) => EMOJI.get(code.replace(/^:|:$/g, "")) ?? code;
