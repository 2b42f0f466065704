"""The emoji that the simulated Slack knows by name."""

from __future__ import annotations

EMOJI = {
    "+1": "👍", "-1": "👎", "alarm_clock": "⏰", "arrow_right": "➡️", "arrows_counterclockwise": "🔄",
    "bangbang": "‼️", "bar_chart": "📊", "bell": "🔔", "bulb": "💡", "calendar": "📆", "camera": "📷",
    "chart_with_upwards_trend": "📈", "clapper": "🎬", "clipboard": "📋", "clock3": "🕒",
    "exclamation": "❗", "eyes": "👀", "fire": "🔥", "gear": "⚙️", "globe_with_meridians": "🌐",
    "green_circle": "🟢", "hammer_and_wrench": "🛠️", "heart": "❤️", "heavy_check_mark": "✔️",
    "hourglass": "⌛", "hourglass_flowing_sand": "⏳",
    "information_source": "\N{INFORMATION SOURCE}\ufe0f", "key": "🔑", "large_blue_circle": "🔵",
    "large_green_circle": "🟢", "large_orange_circle": "🟠", "large_red_circle": "🔴",
    "large_yellow_circle": "🟡", "link": "🔗", "lock": "🔒", "mag": "🔍", "mailbox": "📫", "memo": "📝",
    "octopus": "🐙", "page_facing_up": "📄", "pencil": "📝", "pencil2": "✏️", "person": "🧑",
    "question": "❓", "red_circle": "🔴", "rocket": "🚀", "rotating_light": "🚨", "smile": "😄",
    "sparkles": "✨", "tada": "🎉", "thread": "🧵", "thumbsup": "👍", "unlock": "🔓",
    "warning": "⚠️", "wastebasket": "🗑️", "wave": "👋", "white_check_mark": "✅", "white_circle": "⚪",
    "wrench": "🔧", "x": "❌", "yellow_circle": "🟡", "zap": "⚡",
}  # fmt: skip
"""The shortcodes that are drawn; any other stays as typed."""
