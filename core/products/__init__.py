"""What the catalogue states of one product, without a model. Import core.products.base."""
