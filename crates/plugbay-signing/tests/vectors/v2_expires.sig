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
  "expires_at": "2026-11-23T10:00:00Z",
  "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "signature": "ae6296ab19b2156cb8db24fb8fe2807eab55f2743dbc175caa962f9137406e350a908b3c7340d5ebe2ff95a41fe5dc6f91a71c15ddff9513a3eb956cedd5ab0e"
}
