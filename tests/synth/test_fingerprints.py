"""Songs equal their recorded fingerprints: any change of a draw, a sound or a processor fails here."""

import numpy as np
import pytest

from tests.synth import fingerprints


@pytest.mark.parametrize(("seed", "index"), fingerprints.SONGS)
def test_a_song_is_the_recorded_one(seed, index):
    recorded, measured = fingerprints.load()[f"{seed}/{index}"], fingerprints.fingerprint(seed, index)
    assert list(measured) == list(recorded)
    different = {key: parts for key in recorded if (parts := fingerprints.differences(recorded[key], measured[key]))}
    assert different == {}, "if this is meant, raise CORPUS_VERSION and record anew: python -m tests.synth.fingerprints"


def test_every_recorded_file_sounds_and_every_processor_is_used():
    for song in fingerprints.load().values():
        for key, entry in song.items():
            assert key.endswith(".json") or np.max(entry["levels_db"]) > -50.0, key
    processors = {
        processor["processor"]
        for song in fingerprints.load().values()
        for track in song["wet/song.console.json"]["record"]["tracks"]
        for processor in track["processors"]
    }
    assert processors == {"compressor", "decorrelation", "eq", "gain", "pan", "reverb", "saturation", "width"}
