package altertable.conformance;

/** A case that this runner's clients cannot express. */
final class Unsupported extends RuntimeException {
  private static final long serialVersionUID = 1;

  Unsupported(String reason) {
    super(reason);
  }
}
