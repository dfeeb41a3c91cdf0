{
  "version": 2,
  "algorithm": "Ed25519",
  "plugin_hash": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
  "plugin_size": 25,
  "plugin": {
    "name": "pads",
    "version": "1.2.3",
    "abi": "action",
    "capabilities": [
      "Midi",
      "Network"
    ]
  },
  "developer": {
    "name": "Grace",
    "email": "grace@example.org"
  },
  "signed_at": "2026-01-01T10:00:00Z",
  "expires_at": "2026-01-02T10:00:00Z",
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "caa9c48600fd64be97f515ff68a0709d2d314e10fe701bf685e7be9f9a4ee40cf87ed87c1f623e067b90ef9c659bbb88f5916eeb7f0439f7e49def2826a0ff0c"
}
