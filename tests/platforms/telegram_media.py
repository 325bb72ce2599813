"""What people send besides text, as Telegram's JSON: for ``TelegramServer.user_says(…, media=…)``."""

from __future__ import annotations

from tests.platforms.telegram_values import Json

_FILE: Json = {"file_id": "AgACAgIAAxkBAAI", "file_unique_id": "AQADyLkxG", "file_size": 1253}
_SIZED: Json = _FILE | {"width": 90, "height": 90}

PHOTO: Json = {"photo": [_SIZED]}
STICKER: Json = {
    "sticker": _SIZED | {"is_animated": False, "is_video": False, "type": "regular", "emoji": "👍", "set_name": "Tea"}
}
VOICE: Json = {"voice": _FILE | {"duration": 3, "mime_type": "audio/ogg"}}
AUDIO: Json = {"audio": _FILE | {"duration": 180, "title": "Rain"}}
VIDEO: Json = {"video": _SIZED | {"duration": 12}}
VIDEO_NOTE: Json = {"video_note": _FILE | {"length": 240, "duration": 5}}
DOCUMENT: Json = {"document": _FILE | {"file_name": "order.pdf", "mime_type": "application/pdf"}}
ANIMATION: Json = {"animation": _SIZED | {"duration": 2}, "document": _FILE | {"file_name": "tea.gif"}}
LOCATION: Json = {"location": {"latitude": 59.91, "longitude": 10.75}}
VENUE: Json = {"venue": {"location": LOCATION["location"], "title": "Teahouse", "address": "Lane 1"}} | LOCATION
CONTACT: Json = {"contact": {"phone_number": "+4712345678", "first_name": "Anna"}}
DICE: Json = {"dice": {"emoji": "🎲", "value": 4}}
POLL: Json = {
    "poll": {
        "id": "1",
        "question": "Green or black?",
        "options": [{"text": "Green", "voter_count": 0, "persistent_id": "0"}],
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": False,
        "members_only": False,
    }
}
