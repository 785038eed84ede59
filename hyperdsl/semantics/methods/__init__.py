"""What declarations of methods mean, and what is proven of them."""
