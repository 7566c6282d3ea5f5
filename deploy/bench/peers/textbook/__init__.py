"""The webhook view of tutorials, and two that do less: a project of its own."""
