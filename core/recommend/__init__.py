"""Products that fit what a shopper looks for. Import core.recommend.base (answering), .assortment, .config, .wishes."""
