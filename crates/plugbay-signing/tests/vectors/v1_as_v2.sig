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
  "signed_at": "2026-11-22T10:00:00Z",
  "expires_at": null,
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "f8eb448a192d79824c04c8a0511fe4534aaa7503c065765faf193fe09a26dc835860db4df4e2116385964da687449e03a06ec719ed762f78a9b56bf13c933c0e"
}
