{
  "version": 2,
  "algorithm": "Ed25519",
  "plugin_hash": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
  "plugin_size": 25,
  "plugin": {
    "name": "pads",
    "version": "1.2",
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
  "signature": "83b0945b8f2d2bd45ed38e2e2ac605bda4c9b8fded8ad33b9970d885eedeae735522bc432e6cd5221468963eaf510110bceb982482751efc33e13c2a7140e308"
}
