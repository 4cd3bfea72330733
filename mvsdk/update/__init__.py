"""The update agent of a device."""
