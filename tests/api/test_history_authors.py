from pathlib import Path

from tests.support.in_process import running_api


async def test_only_listed_users_label_tests(tmp_path: Path) -> None:
    said = {"test_name": "t", "classification": "FLAKY", "job_id": "j"}
    async with running_api(tmp_path, allowed_users="ann") as api:
        stranger = await api.request("POST", "/history/classify", json=said)
        known = await api.request(
            "POST", "/history/classify", json=said, headers={"Cookie": "rootcoz_username=ann"}
        )

    assert (stranger.status_code, known.status_code) == (403, 201)
