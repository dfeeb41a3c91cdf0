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
    "name": "A\u001b[2J",
    "email": ""
  },
  "signed_at": "2026-11-22T10:00:00Z",
  "expires_at": null,
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "211bc09574786018d5066df5e38d6fc459f3b7a0858b9c6f1f6840e3427a430d81fe0dd8279e2b6211a48e5b087c658cdf8ba2d73d65f11d456236315c0c4306"
}
