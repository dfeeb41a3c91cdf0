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
      "Network",
      "Midi"
    ]
  },
  "developer": {
    "name": "Grace",
    "email": "grace@example.org"
  },
  "signed_at": "2026-11-22T10:00:00Z",
  "expires_at": null,
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "100c1874ec8c3e9db4a399f2002518f82c89f588a706957627c39ccc760de5bc73aa7fb1299f70e889d929231a5cb3a81b62d65da40bf94cf44e4eb534ef9f0c"
}
