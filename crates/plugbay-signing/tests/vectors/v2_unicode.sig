{
  "version": 2,
  "algorithm": "Ed25519",
  "plugin_hash": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
  "plugin_size": 25,
  "plugin": {
    "name": "\u00dcn\u00efcode \u97f3",
    "version": null,
    "abi": null,
    "capabilities": []
  },
  "developer": {
    "name": "Ada \u03a9mega",
    "email": ""
  },
  "signed_at": "2026-11-22T10:00:00Z",
  "expires_at": null,
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "afcbae46dd00ec6a03eb9ed34c0ac0aa16219a90921ac10f722f534cfe522b19fd13f877d0a0975675421e4bb4e2c2180395ca58b765c412ffc4aeedce146304"
}
