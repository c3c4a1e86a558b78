"""Signal processing on arrays: filters, transforms, meters. No constant of the method lives here."""
