"""What our webhook path is compared with: each folder is a Django project of its own that imports nothing of ours."""
