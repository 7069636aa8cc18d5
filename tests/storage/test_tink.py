"""An independent program, Google's Tink, opens what is sealed here, and the other way round."""

import base64
import io
import json

import pytest
import tink
from tink import cleartext_keyset_handle, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2

from storage.sealed import FIRST_ROOM, ROOM, SealedReader, seal

KEY = bytes(range(100, 132))
AD = b"\x00\x05place"
SIZES = [0, 1, 5000, FIRST_ROOM - 1, FIRST_ROOM, FIRST_ROOM + 1, FIRST_ROOM + ROOM, FIRST_ROOM + ROOM + 1]


@pytest.fixture(scope="module")
def primitive():
    streaming_aead.register()
    handle = cleartext_keyset_handle.read(tink.JsonKeysetReader(keyset_json(KEY)))
    return handle.primitive(streaming_aead.StreamingAead)


def keyset_json(key: bytes) -> str:
    params = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=1 << 20, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
    )
    value = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(params=params, key_value=key)
    data = {
        "typeUrl": "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
        "value": base64.b64encode(value.SerializeToString()).decode(),
        "keyMaterialType": "SYMMETRIC",
    }
    entry = {"keyData": data, "status": "ENABLED", "keyId": 1, "outputPrefixType": "RAW"}
    return json.dumps({"primaryKeyId": 1, "key": [entry]})


def content(size: int) -> bytes:
    return (b"Fenmarch " * (size // 9 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
def test_tink_opens_what_is_sealed_here(primitive, size):
    sink = io.BytesIO()
    seal([content(size)], sink, KEY, AD)
    with primitive.new_decrypting_stream(io.BytesIO(sink.getvalue()), AD) as stream:
        assert stream.read() == content(size)


class Kept(io.BytesIO):
    def close(self):
        self.kept = self.getvalue()
        super().close()


@pytest.mark.parametrize("size", SIZES)
def test_what_tink_sealed_opens_here(primitive, size):
    sink = Kept()
    with primitive.new_encrypting_stream(sink, AD) as stream:
        stream.write(content(size))
    opened = SealedReader(io.BytesIO(sink.kept), KEY, AD)
    assert opened.read() == content(size)
    if size:
        assert opened.read_range(size - 1, size) == content(size)[-1:]
